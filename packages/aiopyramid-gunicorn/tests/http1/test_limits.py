"""limits: from gunicorn's settings to one object."""

import math

import pytest

from aiopyramid_gunicorn._http1.limits import Limits, Times

OWN = {"body_bytes": 1, "body_memory_bytes": 1, "write_buffer_bytes": 1, "head_bytes": 1}


def test_the_limits_are_those_of_gunicorn_settings(config):
    cfg = config(limit_request_line=1, limit_request_fields=2, limit_request_field_size=3)
    own = {"body_bytes": 4, "body_memory_bytes": 5, "write_buffer_bytes": 6, "head_bytes": 7}
    assert Limits.from_settings(cfg, **own) == Limits(
        request_line_bytes=1,
        header_fields=2,
        header_field_bytes=3,
        body_bytes=4,
        body_memory_bytes=5,
        body_folder=None,
        write_buffer_bytes=6,
        head_bytes=7,
    )


def test_the_defaults_are_those_of_gunicorn(config):
    limits = Limits.from_settings(
        config(),
        body_bytes=1 << 30,
        body_memory_bytes=512 << 10,
        write_buffer_bytes=64 << 10,
        head_bytes=64 << 10,
    )
    assert limits == Limits()


@pytest.mark.parametrize("setting", [0, 32768, 100_000])
def test_without_a_limit_there_are_as_many_header_fields_as_in_gunicorn(config, setting):
    cfg = config(limit_request_fields=setting)
    limits = Limits.from_settings(cfg, **OWN)
    assert limits.header_fields == 32768


def test_the_folder_for_bodies_is_the_one_of_gunicorn(config, tmp_path):
    cfg = config(tmp_upload_dir=str(tmp_path))
    limits = Limits.from_settings(cfg, **OWN)
    assert limits.body_folder == str(tmp_path)


def test_a_body_may_take_a_while_and_then_as_long_as_its_length_allows():
    times = Times(1, 1, 1, body_grace_seconds=2, body_bytes_per_second=10)
    assert times.longest_for_body(50) == 7


def test_without_a_rate_a_body_may_take_as_long_as_it_likes():
    assert Times(1, 1, 1, body_bytes_per_second=0).longest_for_body(1) == math.inf


def test_an_application_waits_for_a_body_as_long_as_for_a_part_and_no_longer_than_for_all_of_it():
    times = Times(1, 30, 1, body_grace_seconds=60, body_bytes_per_second=100)
    assert times.longest_wait(0, 0.0) == 30
    assert times.longest_wait(1000, 50.0) == 20
