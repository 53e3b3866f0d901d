"""The list of faults that can be brought back fits the code."""

import re

import pytest

from tests.faults.faults import ROOT, Fault, faults


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_fault_can_be_brought_back_and_has_its_tests(fault: Fault) -> None:
    assert fault.places() == 1
    for test in fault.tests:
        file, _, name = test.partition("::")
        source = (ROOT / file).read_text()
        assert not name or re.search(rf"^def {name}\(", source, re.MULTILINE), test


def test_every_fault_has_a_name_of_its_own() -> None:
    names = [fault.name for fault in faults()]
    assert len(names) == len(set(names))
