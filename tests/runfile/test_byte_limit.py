"""Bytes that wait, counted up to a limit and up to a wider one."""

from effmeter.runfile.byte_limit import ByteLimit


def test_bytes_are_counted_until_they_are_given_back() -> None:
    limit = ByteLimit(100)
    assert limit.take(60)
    assert not limit.take(60)
    assert limit.take(40)
    limit.give_back(60)
    assert limit.take(60)


def test_one_batch_is_never_too_much_by_itself() -> None:
    limit = ByteLimit(100)
    assert limit.take(1000)
    assert not limit.take(1)


def test_a_wider_limit_holds_for_all_below_it() -> None:
    wider = ByteLimit(100)
    one, other = ByteLimit(80, wider), ByteLimit(80, wider)
    assert one.take(80)
    assert not other.take(80)
    assert other.take(20)
    one.give_back(80)
    assert other.take(60)
