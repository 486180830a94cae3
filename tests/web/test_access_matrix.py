"""Who gets what from every address: role by route by tenant, for the pages and the API alike.

A row says the status for each role in the order of ROLES. `own` is the startup of the owner and the member, and in the
programme of the limited manager; `other` is neither. POSTs send what cannot be done: who may do such a thing gets past
the permission and is refused for what was sent (404, 409, 422), or does it where nothing needs to be said.
"""

import pytest
from flask import Flask

from tests.api.speaking import ONE_DATABASE
from tests.web.access_park import HERE, OTHER, OWN, Park, Row

ROLES = ("nobody", "administrator", "manager", "limited", "auditor", "partner", "consultant", "owner", "member")

MATRIX = """
# method endpoint tenant: nobody administrator manager limited auditor partner consultant owner member
GET entry.home                                 : 303 303 303 303 303 303 303 303 303
GET alert_links.link                           : 200 200 200 200 200 200 200 200 200
GET calendars.feed                             : 404 404 404 404 404 404 404 404 404
POST alert_links.follow                        : 404 404 404 404 404 404 404 404 404
GET grants.grant own                           : 303 200 200 200 200 404 404 200 200
GET grants.grant other                         : 303 200 200 404 200 404 404 404 404
GET grants.change own                          : 303 200 200 200 403 404 404 403 403
GET grants.change other                        : 303 200 200 404 403 404 404 404 404
POST grants.change own                         : 303 303 303 303 403 404 404 403 403
POST grants.change other                       : 303 303 303 404 403 404 404 404 404
GET activation.history own                     : 303 200 200 200 200 404 404 200 200
GET activation.history other                   : 303 200 200 404 200 404 404 404 404
POST activation.enter own                      : 303 422 422 422 403 404 404 422 422
POST activation.enter other                    : 303 422 422 404 403 404 404 404 404
GET health.healthz                             : 200 200 200 200 200 200 200 200 200
GET health.metrics                             : 200 200 200 200 200 200 200 200 200
GET night.tonight                              : 303 200 200 200 200 403 403 403 403
GET passwords.forgot                           : 200 200 200 200 200 200 200 200 200
POST passwords.send_link                       : 422 422 422 422 422 422 422 422 422
GET passwords.reset                            : 410 410 410 410 410 410 410 410 410
POST passwords.set_new                         : 422 422 422 422 422 422 422 422 422
GET pools.listing                              : 303 200 200 200 200 200 403 403 403
GET rates.listing                              : 303 200 200 200 200 403 403 403 403
GET rates.new                                  : 303 200 200 200 403 403 403 403 403
POST rates.state                               : 303 422 422 422 403 403 403 403 403
GET rates.withdraw_form                        : 303 200 200 200 403 403 403 403 403
POST rates.withdraw                            : 303 422 422 422 403 403 403 403 403
GET health.readyz                              : 200 200 200 200 200 200 200 200 200
GET scopes.listing                             : 303 200 200 200 200 403 403 403 403
GET scopes.assign_form                         : 303 200 200 200 403 403 403 403 403
POST scopes.assign                             : 303 422 422 422 403 403 403 403 403
GET scopes.end_form                            : 303 200 200 200 403 403 403 403 403
POST scopes.end                                : 303 422 422 422 403 403 403 403 403
GET reported.history own                       : 303 200 200 200 200 404 404 200 200
GET reported.history other                     : 303 200 200 404 200 404 404 404 404
POST reported.enter own                        : 303 422 422 422 403 404 404 422 422
POST reported.enter other                      : 303 422 422 404 403 404 404 404 404
GET entry.sign_in                              : 200 303 303 303 303 303 303 303 303
POST entry.sign_in                             : 422 422 422 422 422 422 422 422 422
POST entry.sign_out                            : 303 303 303 303 303 303 303 303 303
GET startups.listing                           : 303 200 200 200 200 403 403 200 200
GET holdings.one own                           : 303 200 200 200 200 404 404 200 200
GET holdings.one other                         : 303 200 200 404 200 404 404 404 404
GET grants.award own                           : 303 200 200 200 403 404 404 403 403
GET grants.award other                         : 303 200 200 404 403 404 404 404 404
POST grants.make_award own                     : 303 422 422 422 403 404 404 403 403
POST grants.make_award other                   : 303 422 422 404 403 404 404 404 404
GET startups.edit own                          : 303 200 200 200 403 404 404 403 403
GET startups.edit other                        : 303 200 200 404 403 404 404 404 404
POST startups.save own                         : 303 303 303 303 403 404 404 403 403
POST startups.save other                       : 303 303 303 404 403 404 404 404 404
GET people.members own                         : 303 200 200 200 200 404 404 200 200
GET people.members other                       : 303 200 200 404 200 404 404 404 404
POST people.add own                            : 303 422 422 422 403 404 404 403 403
POST people.add other                          : 303 422 422 404 403 404 404 404 404
POST people.end own                            : 303 404 404 404 403 404 404 403 403
POST people.end other                          : 303 404 404 404 403 404 404 404 404
POST grants.make_package_award own             : 303 404 404 404 403 404 404 403 403
POST grants.make_package_award other           : 303 404 404 404 403 404 404 404 404
GET holdings.show_statement own                : 303 200 200 200 200 404 404 200 200
GET holdings.show_statement other              : 303 200 200 404 200 404 404 404 404
GET holdings.usage own                         : 303 200 200 200 200 404 404 200 200
GET holdings.usage other                       : 303 200 200 404 200 404 404 404 404
GET startups.new                               : 303 200 200 200 403 403 403 403 403
POST startups.create                           : 303 422 422 422 403 403 403 403 403
GET static_files.static                        : 200 200 200 200 200 200 200 200 200
GET usage.runs                                 : 303 200 200 200 200 403 403 403 403
GET usage.run                                  : 303 422 422 422 200 403 403 403 403
POST usage.apply                               : 303 303 303 303 403 403 403 403 403
POST usage.confirm                             : 303 303 303 303 403 403 403 403 403
POST usage.discard                             : 303 303 303 303 403 403 403 403 403
POST usage.reverse                             : 303 303 303 303 403 403 403 403 403
GET usage.upload_form                          : 303 200 200 200 403 403 403 403 403
POST usage.upload                              : 303 422 422 422 403 403 403 403 403
GET seats.listing own                          : 303 200 200 200 200 404 404 200 200
GET seats.listing other                        : 303 200 200 404 200 404 404 404 404
GET seats.export own                           : 303 200 200 200 200 404 404 200 200
GET seats.export other                         : 303 200 200 404 200 404 404 404 404
GET seats.assign own                           : 303 200 200 200 403 404 404 200 403
GET seats.assign other                         : 303 200 200 404 403 404 404 404 404
POST seats.assign own                          : 303 422 422 422 403 404 404 422 403
POST seats.assign other                        : 303 422 422 404 403 404 404 404 404
GET seats.paste own                            : 303 200 200 200 403 404 404 200 403
GET seats.paste other                          : 303 200 200 404 403 404 404 404 404
POST seats.paste own                           : 303 422 422 422 403 404 404 422 403
POST seats.paste other                         : 303 422 422 404 403 404 404 404 404
GET seats.release_many own                     : 303 200 200 200 403 404 404 200 403
GET seats.release_many other                   : 303 200 200 404 403 404 404 404 404
POST seats.release_many own                    : 303 422 422 422 403 404 404 422 403
POST seats.release_many other                  : 303 422 422 404 403 404 404 404 404
GET seats.move own                             : 303 200 200 200 403 404 404 200 403
GET seats.move other                           : 303 200 200 404 403 404 404 404 404
POST seats.move own                            : 303 422 422 422 403 404 404 422 403
POST seats.move other                          : 303 422 422 404 403 404 404 404 404
GET seats.bring own                            : 303 200 200 200 403 404 404 200 403
GET seats.bring other                          : 303 200 200 404 403 404 404 404 404
POST seats.bring own                           : 303 422 422 422 403 404 404 422 403
POST seats.bring other                         : 303 422 422 404 403 404 404 404 404
GET seats.transfer own                         : 303 200 200 200 403 404 404 200 403
GET seats.transfer other                       : 303 200 200 404 403 404 404 404 404
POST seats.transfer own                        : 303 422 422 422 403 404 404 422 403
POST seats.transfer other                      : 303 422 422 404 403 404 404 404 404
POST seats.key own                             : 303 404 404 404 403 404 404 403 403
POST seats.key other                           : 303 404 404 404 403 404 404 404 404
POST seats.release own                         : 303 303 303 303 403 404 404 303 403
POST seats.release other                       : 303 303 303 404 403 404 404 404 404
POST seats.place own                           : 303 303 303 303 403 404 404 403 403
POST seats.place other                         : 303 303 303 404 403 404 404 404 404
POST seats.seat_by_hand own                    : 303 303 303 303 403 404 404 403 403
POST seats.seat_by_hand other                  : 303 303 303 404 403 404 404 404 404
POST seats.withdraw own                        : 303 303 303 303 403 404 404 303 403
POST seats.withdraw other                      : 303 303 303 404 403 404 404 404 404
GET products.listing                           : 303 200 200 200 200 403 403 403 403
GET products.one                               : 303 200 200 200 200 403 403 403 403
GET products.counts                            : 303 200 200 200 200 403 403 403 403
GET products.new                               : 303 200 200 200 403 403 403 403 403
POST products.new                              : 303 422 422 422 403 403 403 403 403
GET products.edit                              : 303 200 200 200 403 403 403 403 403
POST products.edit                             : 303 422 422 422 403 403 403 403 403
POST products.bring_keys                       : 303 422 422 422 403 403 403 403 403
POST products.counts                           : 303 422 422 422 403 403 403 403 403
GET api_docs_page.docs                         : 200 200 200 200 200 200 200 200 200
GET api_grants.list_grants                     : 401 200 200 200 200 200 200 200 200
POST api_grants.award_grant own                : 401 422 422 422 403 404 404 403 403
POST api_grants.award_grant other              : 401 422 422 404 403 404 404 404 404
GET api_grants.get_grant own                   : 401 200 200 200 200 404 404 200 200
GET api_grants.get_grant other                 : 401 200 200 404 200 404 404 404 404
POST api_grants.extend_grant own               : 401 409 409 409 403 404 404 403 403
POST api_grants.extend_grant other             : 401 409 409 404 403 404 404 404 404
POST api_grants.return_to_pool own             : 401 422 422 422 403 404 404 403 403
POST api_grants.return_to_pool other           : 401 422 422 404 403 404 404 404 404
POST api_grants.top_up_grant own               : 401 422 422 422 403 404 404 403 403
POST api_grants.top_up_grant other             : 401 422 422 404 403 404 404 404 404
POST api_grants.void_grant own                 : 401 200 200 200 403 404 404 403 403
POST api_grants.void_grant other               : 401 200 200 404 403 404 404 404 404
POST api_grants.void_series own                : 401 409 409 409 403 404 404 403 403
POST api_grants.void_series other              : 401 409 409 404 403 404 404 404 404
POST api_grants.activate_grant own             : 401 422 422 422 403 404 404 422 422
POST api_grants.activate_grant other           : 401 422 422 404 403 404 404 404 404
GET api-docs.openapi_json                      : 200 200 200 200 200 200 200 200 200
GET api_grants.list_pools                      : 401 200 200 200 200 200 403 403 403
GET api_rates.list_exchange_rates              : 401 200 200 200 200 403 403 403 403
GET api_rates.get_rate                         : 401 200 200 200 200 403 403 403 403
POST api_rates.state_rate                      : 401 422 422 422 403 403 403 403 403
POST api_rates.withdraw_stated_rate            : 401 404 404 404 403 403 403 403 403
GET api_scopes.list_unassigned_scopes          : 401 200 200 200 200 403 403 403 403
POST api_scopes.assign own                     : 401 422 422 422 403 404 404 403 403
POST api_scopes.assign other                   : 401 422 422 404 403 404 404 404 404
POST api_scopes.end                            : 401 404 404 404 403 403 403 403 403
GET api_startups.list_startups                 : 401 200 200 200 200 200 200 200 200
POST api_startups.create_startup               : 401 409 409 409 403 403 403 403 403
GET api_startups.get_startup own               : 401 200 200 200 200 404 404 200 200
GET api_startups.get_startup other             : 401 200 200 404 200 404 404 404 404
GET api_startups.get_balance own               : 401 200 200 200 200 404 404 200 200
GET api_startups.get_balance other             : 401 200 200 404 200 404 404 404 404
GET api_startups.get_holdings own              : 401 200 200 200 200 404 404 200 200
GET api_startups.get_holdings other            : 401 200 200 404 200 404 404 404 404
GET api_grants.list_startup_grants own         : 401 200 200 200 200 404 404 200 200
GET api_grants.list_startup_grants other       : 401 200 200 404 200 404 404 404 404
GET api_scopes.list_startup_scopes own         : 401 200 200 200 200 404 404 200 200
GET api_scopes.list_startup_scopes other       : 401 200 200 404 200 404 404 404 404
GET api_startups.get_statement own             : 401 200 200 200 200 404 404 200 200
GET api_startups.get_statement other           : 401 200 200 404 200 404 404 404 404
GET api_reported.list_reported_balances own    : 401 200 200 200 200 404 404 200 200
GET api_reported.list_reported_balances other  : 401 200 200 404 200 404 404 404 404
POST api_reported.report_a_balance own         : 401 422 422 422 403 404 404 422 422
POST api_reported.report_a_balance other       : 401 422 422 404 403 404 404 404 404
GET api_programmes.list_partners               : 401 200 200 200 200 200 403 403 403
GET api_programmes.list_programmes             : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_programme own           : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_programme other         : 401 200 200 404 200 404 403 403 403
GET api_programmes.list_cohorts                : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_cohort own              : 401 200 200 200 200 200 403 403 403
GET api_programmes.get_cohort other            : 401 200 200 404 200 404 403 403 403
GET api_programmes.list_enrolments             : 401 200 200 200 200 200 200 200 200
GET api_programmes.list_startup_enrolments own : 401 200 200 200 200 404 404 200 200
GET api_programmes.list_startup_enrolments other : 401 200 200 404 200 404 404 404 404
GET api_people.list_members own                : 401 200 200 200 200 404 404 200 200
GET api_people.list_members other              : 401 200 200 404 200 404 404 404 404
GET api_people.list_own_tokens                 : 401 200 200 200 200 200 200 200 200
POST api_people.add_member own                 : 401 422 422 422 403 404 404 403 403
POST api_people.add_member other               : 401 422 422 404 403 404 404 404 404
POST api_people.end_member own                 : 401 404 404 404 403 404 404 403 403
POST api_people.end_member other               : 401 404 404 404 403 404 404 404 404
POST api_grants.award_enrolment own            : 401 404 404 404 403 404 404 403 403
POST api_grants.award_enrolment other          : 401 404 404 404 403 404 404 404 404
PATCH api_startups.edit_startup own            : 401 412 412 412 403 404 404 403 403
PATCH api_startups.edit_startup other          : 401 412 412 404 403 404 404 404 404
POST api_usage_runs.discard_usage_run          : 401 409 409 409 403 403 403 403 403
GET api_seats.list_all_seats                   : 401 200 200 200 200 200 200 200 200
GET api_seats.list_seat_wishes                 : 401 200 200 200 200 200 200 200 200
GET api_seats.get_seat own                     : 401 200 200 200 200 404 404 200 200
GET api_seats.get_seat other                   : 401 200 200 404 200 404 404 404 404
GET api_seats.get_seat_wish own                : 401 200 200 200 200 404 404 200 200
GET api_seats.get_seat_wish other              : 401 200 200 404 200 404 404 404 404
POST api_seats.assign_seat own                 : 401 422 422 422 403 404 404 422 403
POST api_seats.assign_seat other               : 401 422 422 404 403 404 404 404 404
POST api_seats.assign_seats own                : 401 422 422 422 403 404 404 422 403
POST api_seats.assign_seats other              : 401 422 422 404 403 404 404 404 404
POST api_seats.wait_for_seat own               : 401 422 422 422 403 404 404 422 403
POST api_seats.wait_for_seat other             : 401 422 422 404 403 404 404 404 404
POST api_seats.transfer_seat own               : 401 409 409 409 403 404 404 409 403
POST api_seats.transfer_seat other             : 401 409 409 404 403 404 404 404 404
POST api_seats.release_seat own                : 401 409 409 409 403 404 404 409 403
POST api_seats.release_seat other              : 401 409 409 404 403 404 404 404 404
POST api_seats.place_seat_wish own             : 401 409 409 409 403 404 404 403 403
POST api_seats.place_seat_wish other           : 401 409 409 404 403 404 404 404 404
POST api_seats.seat_by_hand own                : 401 409 409 409 403 404 404 403 403
POST api_seats.seat_by_hand other              : 401 409 409 404 403 404 404 404 404
POST api_seats.withdraw_seat_wish own          : 401 409 409 409 403 404 404 409 403
POST api_seats.withdraw_seat_wish other        : 401 409 409 404 403 404 404 404 404
GET api_alerts.list_alerts                     : 401 200 200 200 200 403 403 403 403
GET api_alerts.list_startup_alerts own         : 401 200 200 200 200 404 404 403 403
GET api_alerts.list_startup_alerts other       : 401 200 200 404 200 404 404 404 404
GET api_alerts.list_told_alerts                : 401 200 200 200 200 200 200 200 200
POST api_alerts.acknowledge_alert              : 401 404 404 404 404 404 404 404 404
POST api_alerts.snooze_alert                   : 401 404 404 404 404 404 404 404 404
GET api_alerts.get_tonight                     : 401 200 200 200 200 403 403 403 403
GET api_usage_runs.list_usage_runs             : 401 200 200 200 200 403 403 403 403
POST api_usage_runs.upload_usage               : 401 422 422 422 403 403 403 403 403
GET api_usage_runs.get_usage_run               : 401 200 200 200 200 403 403 403 403
POST api_usage_runs.confirm_usage_run          : 401 409 409 409 403 403 403 403 403
GET api_startups.list_usage_days own           : 401 200 200 200 200 404 404 200 200
GET api_startups.list_usage_days other         : 401 200 200 404 200 404 404 404 404
GET api_grants.list_activations own            : 401 200 200 200 200 404 404 200 200
GET api_grants.list_activations other          : 401 200 200 404 200 404 404 404 404
POST api_usage_runs.apply_usage_run            : 401 409 409 409 403 403 403 403 403
POST api_usage_runs.reverse_usage_run          : 401 409 409 409 403 403 403 403 403
GET api_licences.list_products                 : 401 200 200 200 200 403 403 200 200
GET api_licences.get_product own               : 401 200 200 200 200 403 403 200 200
GET api_licences.get_product other             : 401 200 200 200 200 403 403 404 404
POST api_licences.create_product               : 401 422 422 422 403 403 403 403 403
PATCH api_licences.change_product own          : 401 412 412 412 403 403 403 403 403
PATCH api_licences.change_product other        : 401 412 412 412 403 403 403 403 403
GET api_licences.list_licence_keys             : 401 200 200 200 200 403 403 403 403
POST api_licences.import_licence_keys          : 401 404 404 404 403 403 403 403 403
POST api_licences.import_licence_key_file      : 401 422 422 422 403 403 403 403 403
GET api_licences.list_licence_counts           : 401 200 200 200 200 403 403 403 403
POST api_licences.import_licence_counts        : 401 422 422 422 403 403 403 403 403
GET api_licences.compare_licence_counts        : 401 200 200 200 200 403 403 403 403
GET api_licences.list_startup_licence_counts own : 401 200 200 200 200 404 404 200 200
GET api_licences.list_startup_licence_counts other : 401 200 200 404 200 404 404 404 404
GET api_licences.compare_startup_licence_counts own : 401 200 200 200 200 404 404 200 200
GET api_licences.compare_startup_licence_counts other : 401 200 200 404 200 404 404 404 404
GET bookings.hours own                         : 303 200 200 200 200 404 404 200 200
GET bookings.hours other                       : 303 200 200 404 200 404 404 404 404
POST bookings.make_calendar own                : 303 200 200 200 403 404 404 200 200
POST bookings.make_calendar other              : 303 200 200 404 403 404 404 404 404
GET bookings.choose own                        : 303 200 200 200 403 404 404 200 200
GET bookings.choose other                      : 303 200 200 404 403 404 404 404 404
POST bookings.book own                         : 303 422 422 422 403 404 404 422 422
POST bookings.book other                       : 303 422 422 404 403 404 404 404 404
GET bookings.one own                           : 303 200 200 200 200 404 200 200 200
GET bookings.one other                         : 303 200 200 404 200 404 404 404 404
POST bookings.act own                          : 303 422 422 422 403 404 403 403 403
POST bookings.act other                        : 303 422 422 404 403 404 404 404 404
GET bookings.move own                          : 303 200 200 200 403 404 404 200 200
GET bookings.move other                        : 303 200 200 404 403 404 404 404 404
POST bookings.move own                         : 303 422 422 422 403 404 404 422 422
POST bookings.move other                       : 303 422 422 404 403 404 404 404 404
GET sessions.mine                              : 303 404 404 404 404 404 200 404 404
GET sessions.hours                             : 303 404 404 404 404 404 200 404 404
GET sessions.export                            : 303 404 404 404 404 404 200 404 404
GET consulting.desk                            : 303 200 200 200 200 403 403 403 403
GET consulting.listing                         : 303 200 200 200 200 403 403 403 403
GET consulting.unbooked                        : 303 200 200 200 403 403 403 403 403
POST consulting.unbooked                       : 303 422 422 422 403 403 403 403 403
GET consultants.listing                        : 303 200 200 200 200 403 403 403 403
GET consultants.new                            : 303 200 200 200 403 403 403 403 403
POST consultants.new                           : 303 422 422 422 403 403 403 403 403
GET consultants.edit own                       : 303 200 200 200 403 403 403 403 403
GET consultants.edit other                     : 303 200 200 200 403 403 403 403 403
POST consultants.edit own                      : 303 422 422 422 403 403 403 403 403
POST consultants.edit other                    : 303 422 422 422 403 403 403 403 403
GET consultants.availability own               : 303 200 200 200 403 403 200 403 403
GET consultants.availability other             : 303 200 200 200 403 403 404 403 403
POST consultants.set_hours own                 : 303 303 303 303 403 403 303 403 403
POST consultants.set_hours other               : 303 303 303 303 403 403 404 403 403
POST consultants.add_day own                   : 303 422 422 422 403 403 422 403 403
POST consultants.add_day other                 : 303 422 422 422 403 403 404 403 403
POST consultants.drop_day own                  : 303 404 404 404 403 403 404 403 403
POST consultants.drop_day other                : 303 404 404 404 403 403 404 403 403
POST consultants.make_calendar own             : 303 200 200 403 403 403 200 403 403
POST consultants.make_calendar other           : 303 200 200 403 403 403 404 403 403
POST consultants.revoke_calendar               : 303 404 404 404 404 404 404 404 404
GET api_bookings.list_all_consultants          : 401 200 200 200 200 403 200 200 200
GET api_bookings.list_slots own                : 401 200 200 200 200 403 200 200 200
GET api_bookings.list_slots other              : 401 200 200 200 200 403 404 200 200
GET api_bookings.list_bookings                 : 401 200 200 200 200 200 200 200 200
GET api_bookings.get_booking own               : 401 200 200 200 200 404 200 200 200
GET api_bookings.get_booking other             : 401 200 200 404 200 404 404 404 404
POST api_bookings.make_booking own             : 401 409 409 409 403 404 404 409 409
POST api_bookings.make_booking other           : 401 409 409 404 403 404 404 404 404
POST api_bookings.move_booking own             : 401 409 409 409 403 404 403 409 409
POST api_bookings.move_booking other           : 401 409 409 404 403 404 404 404 404
POST api_bookings.cancel_booking own           : 401 200 200 200 403 404 200 200 200
POST api_bookings.cancel_booking other         : 401 200 200 404 403 404 404 404 404
POST api_bookings.log_session own              : 401 409 409 409 403 404 409 403 403
POST api_bookings.log_session other            : 401 409 409 404 403 404 404 404 404
POST api_bookings.keep_no_show own             : 401 409 409 409 403 404 409 403 403
POST api_bookings.keep_no_show other           : 401 409 409 404 403 404 404 404 404
POST api_bookings.confirm_session own          : 401 409 409 409 403 404 403 409 409
POST api_bookings.confirm_session other        : 401 409 409 404 403 404 404 404 404
POST api_bookings.dispute_session own          : 401 409 409 409 403 404 403 409 409
POST api_bookings.dispute_session other        : 401 409 409 404 403 404 404 404 404
POST api_bookings.decide_dispute own           : 401 409 409 409 403 404 403 403 403
POST api_bookings.decide_dispute other         : 401 409 409 404 403 404 404 404 404
POST api_bookings.correct_session own           : 401 200 200 200 403 404 403 403 403
POST api_bookings.correct_session other         : 401 200 200 404 403 404 404 404 404
"""


def rows() -> list[Row]:
    """The matrix, parsed."""
    parsed = []
    for line in MATRIX.strip().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        place, _, statuses = line.partition(":")
        method, endpoint, *tenant = place.split()
        parsed.append(Row(method, endpoint, "".join(tenant), tuple(int(status) for status in statuses.split())))
    return parsed


def routes_of(app: Flask) -> set[tuple[str, str]]:
    """Every way to ask the service."""
    return {
        (method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def unknown_routes(app: Flask) -> set[tuple[str, str]]:
    """The routes that the matrix does not know."""
    return routes_of(app) - {(row.method, row.endpoint) for row in rows()}


@ONE_DATABASE
@pytest.mark.parametrize("role", ROLES)
def test_every_role_gets_from_every_address_what_the_matrix_says(app: Flask, role: str):
    park = Park(app)
    column = ROLES.index(role)

    got = [(row.method, row.endpoint, row.tenant, row.statuses[column], park.ask(role, row)) for row in rows()]

    assert [place for place in got if place[-2] != place[-1]] == []


def test_the_matrix_knows_every_route(app: Flask):
    assert unknown_routes(app) == set()


def test_a_route_that_the_matrix_does_not_know_is_found(app: Flask):
    app.add_url_rule("/back-door", "back_door", lambda: "", methods=["GET", "POST"])

    assert unknown_routes(app) == {("GET", "back_door"), ("POST", "back_door")}


def test_the_matrix_has_a_status_for_each_role_and_both_tenants_where_there_are_any(app: Flask):
    arguments = {rule.endpoint: rule.arguments for rule in app.url_map.iter_rules()}
    tenants: dict[tuple[str, str], set[str]] = {}
    for row in rows():
        tenants.setdefault((row.method, row.endpoint), set()).add(row.tenant)

    assert all(len(row.statuses) == len(ROLES) for row in rows())
    assert all(
        found == ({HERE} if "key" not in arguments[endpoint] and found == {HERE} else {OWN, OTHER})
        for (_, endpoint), found in tenants.items()
    )
