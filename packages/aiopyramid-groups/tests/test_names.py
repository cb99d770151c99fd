"""_names, _redis.keys: whatever a client names a group, it reaches only that group."""

from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from aiopyramid_groups._names import quote_name
from aiopyramid_groups._redis.keys import group_keys, worker_key

NAMES = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=200),
    st.text("{}:/%@*?[]\\.a \r\n\0", min_size=1, max_size=40),
)
PREFIXES = st.text("abcXYZ019_.-", min_size=1, max_size=20)


def keys_of(prefix, name, database=0):
    keys = group_keys(prefix, name, database)
    return {keys.stream, keys.run, keys.present, keys.channel}


@settings(max_examples=500, deadline=None)
@given(PREFIXES, NAMES, PREFIXES, NAMES)
def test_a_name_reaches_only_the_keys_of_its_own_group(prefix, name, other_prefix, other_name):
    own = keys_of(prefix, name)
    assert len(own) == 4
    if (prefix, name) != (other_prefix, other_name):
        assert not own & keys_of(other_prefix, other_name)
    assert not own & keys_of(prefix, name, database=1) - {*own} - {group_keys(prefix, name, 0).run}
    for number in range(3):
        assert worker_key(other_prefix, "0123456789abcdef", number) not in own


@settings(max_examples=500, deadline=None)
@given(PREFIXES, NAMES)
def test_all_keys_of_a_group_have_one_hash_tag_below_the_prefix(prefix, name):
    keys = keys_of(prefix, name)
    assert len({key_slot(key.encode()) for key in keys}) == 1
    for key in keys:
        assert key.startswith(f"{{{prefix}:")
        assert (key.count("{"), key.count("}"), key.isascii(), key.isprintable()) == (
            1,
            1,
            True,
            True,
        )
        assert not set(key) & set(" *?[]^\\\r\n\0")  # patterns of access control lists, commands


@given(NAMES, NAMES)
def test_names_are_quoted_differently(one, other):
    assert (quote_name(one) == quote_name(other)) == (one == other)
