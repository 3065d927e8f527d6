"""A study is followed through a deployed site, to where it stopped and why."""

from __future__ import annotations

import subprocess

import pytest

from orthancgen.dicom.synthetic import ct_instance
from orthancgen.doctor.follow import Step, as_text
from tests.support.breaking import MOMENT, remove, status_of, stop, store
from tests.support.doctor import followed
from tests.support.mending import made_well
from tests.support.native import Native
from tests.support.servers import require_dcmtk, wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def site(site_for_faults: Native) -> Native:
    """A deployed site, well."""
    return made_well(site_for_faults)


def way(native: Native, *, study: str | None = None, patient: str | None = None) -> tuple[Step, ...]:
    """The steps of a study or a patient of this site."""
    return followed(native.file, native.state, study=study, patient=patient)


def test_a_study_is_followed(site: Native) -> None:
    remove(site)
    uid = store(site, "way", 3)
    wait_until(lambda: all(step.state == "passed" for step in way(site, study=uid)), what="the record")
    steps = way(site, study=uid)
    assert [step.title for step in steps] == [
        "it is in Orthanc",
        "it was received",
        "it is complete, as far as Orthanc can tell",
        "it is in Orthanc's log of changes",
        "the backend has read the change",
        "it is recorded in the database",
    ]
    assert steps[0].seen == ("1 series, 3 images",)
    assert "ORTHANCGEN^VERIFICATION" not in as_text(steps)
    of_patient = way(site, patient="ORTHANCGEN-VERIFY-way")
    assert [step.state for step in of_patient] == ["passed"] * 6

    stop(site, "backend")
    late = store(site, "late")
    steps = way(site, study=late)
    assert (steps[-1].title, steps[-1].state) == ("the backend has read the change", "stopped")
    assert [one.cause for one in steps[-1].causes] == ["backend-stopped"]
    assert "orthancgen deploy t" in as_text(steps)
    remove(site)
    site.started()


def test_a_study_that_was_deleted(site: Native) -> None:
    uid = store(site, "deleted")
    wait_until(lambda: way(site, study=uid)[-1].title == "it is recorded in the database", what="the record")
    remove(site)
    wait_until(lambda: status_of(site)["database"]["instances"] == 0, what="the end of the record")
    [step] = way(site, study=uid)
    assert (step.title, step.state) == ("it is in Orthanc", "stopped")
    assert "deleted from Orthanc since the backend started" in step.seen[-1]


def test_a_study_that_is_not_there(site: Native) -> None:
    remove(site)
    [step] = way(site, study="1.2.3.4")
    assert (step.title, step.state) == ("it is in Orthanc", "stopped")
    assert step.causes == ()
    series = store(site, "series")
    with site.orthanc() as client:
        [found] = client.get("/series?expand").json()
    [step] = way(site, study=found["MainDicomTags"]["SeriesInstanceUID"])
    assert (step.title, step.state) == ("it is a study", "stopped")
    assert step.remedies[0].command == f"orthancgen doctor t --study {series}"


def test_a_study_that_was_refused(site: Native) -> None:
    storescu = require_dcmtk("storescu")
    image = site.root / "image.dcm"
    image.write_bytes(ct_instance("refused", MOMENT).data)
    call = [storescu, "-aet", "CT9", "-aec", "NOBODY", "127.0.0.1", str(site.ports["dicom"]), str(image)]
    assert subprocess.run(call, capture_output=True, check=False).returncode != 0
    uid = ct_instance("refused", MOMENT).study_instance_uid
    wait_until(lambda: "was refused at" in str(way(site, study=uid)), what="the line of the log")
    [step] = way(site, study=uid)
    assert (step.title, step.state) == ("it is in Orthanc", "stopped")
    assert any(text.startswith("a caller of NOBODY was refused at ") for text in step.seen), step.seen
    assert "called-aet-wrong" in [one.cause for one in step.causes]
    assert "ORTHANCGEN-VERIFY-refused" not in as_text((step,))
