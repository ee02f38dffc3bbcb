"""An energy comes out of a recorder's message as it went in."""

import json

from hypothesis import given

from effmeter.energy import Energy
from effmeter.energy.message import energy_message, energy_of_message
from tests.energy.test_value import energies


@given(energies, energies)
def test_a_message_keeps_every_error_by_source(one: Energy, other: Energy) -> None:
    sent = json.loads(json.dumps(energy_message(one - other)))
    assert energy_of_message(sent) == one - other
