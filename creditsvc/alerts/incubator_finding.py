"""What a reading of the incubator's own is: of which subject, and what its words are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from creditsvc.core.due_alerts import Reading, Rule

Matter = tuple[str, int, str]
"""(kind of subject, its id, rule)"""


@dataclass(frozen=True)
class IncubatorFinding:
    """A reading of one rule and subject. `key` names the subject to people; `params` are the JSON values (amounts in
    steps) from which its words are made, with `unit`, `resource` and `resource_key` among them."""

    subject: str
    subject_id: int
    key: str
    rule: Rule
    reading: Reading
    params: Mapping[str, Any]

    @property
    def matter(self) -> Matter:
        """What an alert is about, whatever its threshold."""
        return (self.subject, self.subject_id, self.rule.name)
