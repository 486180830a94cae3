"""Who wants mails of a week or a month, and who had which."""

from datetime import date

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from creditsvc.db import Id, Model


class MailSubscription(Model):
    """A person wants such mails, of weeks or months that begin after the day `since`."""

    __tablename__ = "mail_subscription"

    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"), primary_key=True)
    mails: Mapped[str] = mapped_column(String(20), primary_key=True)
    since: Mapped[date]


class PeriodicMail(Model):
    """The one mail of a person's week or month, by its first day; without a mail where there was nothing to say."""

    __tablename__ = "periodic_mail"
    __table_args__ = (UniqueConstraint("person_id", "mails", "period"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("person.id"))
    mails: Mapped[str] = mapped_column(String(20))
    period: Mapped[date]
    outbox_id: Mapped[int | None] = mapped_column(Id, ForeignKey("outbox_mail.id"))
