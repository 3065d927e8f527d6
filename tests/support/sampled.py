"""What of the doctor's faults is injected by `make test`; `make proof` injects every one.

A fault takes seconds of real waiting, and there are more than a hundred. Those that users meet, one of each way of
asking, the healthy sites and the pairs run each time.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.support.proof import VARIABLE

EACH_TIME: Final[dict[str, frozenset[str]]] = {
    "test_doctor_calls": frozenset(
        {
            "test_a_healthy_site_that_was_just_verified_has_no_cause",
            "test_the_called_aet_is_wrong",
            "test_a_caller_is_unknown_and_like_one_that_is_known",
            "test_a_modality_that_moved_is_told_and_its_remedy_mends_it",
            "test_a_command_is_not_allowed",
            "test_an_aet_is_registered_twice",
            "test_a_sop_class_is_refused",
            "test_the_password_on_file_is_not_that_of_orthanc",
            "test_two_faults_of_callers_are_both_named",
            "test_a_modality_is_silent",
            "test_a_caller_with_a_good_certificate_is_well",
            "test_a_caller_speaks_without_tls",
            "test_a_caller_s_certificate_is_of_another_authority",
            "test_our_certificate_has_expired",
        }
    ),
    "test_doctor_services": frozenset(
        {
            "test_not_deployed",
            "test_environment_changed_and_not_deployed",
            "test_refused_setting_of_the_environment",
            "test_index_locked",
            "test_orthanc_hangs",
            "test_clock_of_orthanc_is_wrong",
            "test_database_stopped",
            "test_database_password_changed",
            "test_orthanc_refuses_the_backend",
            "test_webhook_token_changed",
            "test_lua_script_fails",
            "test_disk_full",
            "test_backend_stopped_and_script_fails",
            "test_a_busy_site_is_healthy",
            "test_a_study_is_followed",
        }
    ),
    "test_doctor_network": frozenset(
        {
            "test_nothing_is_wrong",
            "test_nft_drops_the_modality",
            "test_nft_that_is_about_others_is_not_blamed",
            "test_a_name_that_leads_to_another_host",
            "test_a_web_server_has_the_dicom_port",
            "test_two_at_once",
        }
    ),
    "test_doctor_containers": frozenset(
        {
            "test_nothing_is_wrong",
            "test_orthanc_is_stopped",
            "test_two_services_at_once",
            "test_a_port_is_not_published",
            "test_docker_user_drops_the_modality",
            "test_the_backend_has_not_enough_memory",
            "test_orthanc_refuses_its_configuration",
            "test_it_calls_with_an_ae_title_that_is_not_registered",
        }
    ),
    "test_doctor_from": frozenset(
        {
            "test_a_healthy_way_gives_no_cause[shell0-None]",
            "test_a_healthy_way_gives_no_cause[shell2-tools2]",
            "test_a_healthy_way_gives_no_cause[shell5-tools5]",
            "test_without_a_program_for_it_the_script_says_so[tools0]",
            "test_address_not_registered",
            "test_name_unknown[None]",
            "test_port_filtered[None]",
            "test_port_closed[None]",
            "test_a_web_server_on_the_port[True-None]",
            "test_called_aet_wrong[None]",
            "test_calling_aet_unknown[None]",
            "test_plain_call_to_a_tls_port[None]",
            "test_tls_with_a_certificate_is_well[None]",
            "test_tls_certificate_expired",
        }
    ),
    "test_doctor_fix": frozenset(
        {
            "test_a_file_was_changed_by_hand",
            "test_the_backend_hangs",
            "test_a_fix_that_fails_leaves_what_was_there_and_says_so",
            "test_the_archive_holds_nothing_of_a_patient_and_no_secret",
        }
    ),
}
"""Module of tests/live -> its tests that run each time; the others are proofs."""


def mark(item: pytest.Item) -> None:
    """Mark a test of the doctor as a proof: in `make proof` every one, else those that do not run each time."""
    chosen = EACH_TIME.get(item.path.stem)
    if chosen is not None and (VARIABLE in os.environ or item.name not in chosen):
        item.add_marker("proof")
