"""Which faults are injected by `make test`; `make proof` injects every one.

A fault takes seconds of real waiting, and there are more than a hundred. Of the doctor's, those that users meet, one of
each way of asking, the healthy sites and the pairs run each time; of a deploy's steps, one of each kind;
of a roll-out to hosts, what every site needs; of files as large as may be, one of each syntax that goes deep or long.
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
    "test_doctor_programs": frozenset({"test_clock_of_orthanc_is_wrong"}),
    "test_doctor_services": frozenset(
        {
            "test_not_deployed",
            "test_environment_changed_and_not_deployed",
            "test_refused_setting_of_the_environment",
            "test_index_locked",
            "test_orthanc_hangs",
            "test_database_stopped",
            "test_database_password_changed",
            "test_orthanc_refuses_the_backend",
            "test_webhook_token_changed",
            "test_lua_script_fails",
            "test_disk_full",
            "test_backend_stopped_and_script_fails",
            "test_a_busy_site_is_healthy",
        }
    ),
    "test_doctor_study": frozenset({"test_a_study_is_followed"}),
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
    "test_ansible_systems": frozenset(),
    "test_ansible_containers": frozenset(),
    "test_ansible_viewer": frozenset(),
    "test_ansible": frozenset(
        {
            "test_a_first_check_tells_what_would_be_done_and_does_nothing",
            "test_the_first_run_deploys_every_site",
            "test_a_second_run_changes_nothing",
            "test_check_mode_tells_exactly_what_the_run_then_does",
            "test_a_host_that_fails_is_taken_back_and_does_not_stop_the_others",
            "test_a_release_is_rolled_back",
            "test_nothing_is_left_of_a_site_that_is_taken_away",
        }
    ),
}
"""Module of tests/live -> its tests that run each time; the others are proofs."""

NOT_EACH_TIME: Final[dict[str, frozenset[str]]] = {
    "test_compose_faults": frozenset(
        {
            *(
                f"test_killed_at_each_step[{step}]"
                for step in ("volumes", "files", "release", "database", "gateway", "verify", "completed")
            ),
            "test_killed_at_each_step[database account]",
            *(f"test_failed_at_a_step[{step}]" for step in ("files", "release", "database", "orthanc", "gateway")),
            "test_killed_while_it_is_taken_back[taking back]",
            "test_killed_while_it_is_taken_back[database back]",
        }
    ),
    "test_any_bytes": frozenset(
        f"test_large_and_deep_files_are_judged_or_refused_within_bounds[{name}]"
        for name in (
            "deep-objects.json",
            "one-string.json",
            "comments.json",
            "deep.yml",
            "many-services.yml",
            "long.lua",
            "deep.conf",
            "long.pem",
        )
    ),
    "test_doctor_script": frozenset(
        {
            "test_the_grammar_would_find_a_fault[catch {-catch (]",
            "test_the_grammar_would_find_a_fault[$Causes = @{-$Causes = @]",
        }
    ),
}
"""Module -> its tests that are proofs; the others run each time."""


def mark(item: pytest.Item) -> None:
    """Mark a test of a sampled kind as a proof: in `make proof` every one, else those that do not run each time."""
    chosen, left_out = EACH_TIME.get(item.path.stem), NOT_EACH_TIME.get(item.path.stem, frozenset())
    of_a_sample = chosen is not None and (VARIABLE in os.environ or item.name not in chosen)
    if of_a_sample or item.name in left_out:
        item.add_marker("proof")
