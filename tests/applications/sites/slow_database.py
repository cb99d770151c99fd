"""A database that is some way off: each statement takes 10 ms more."""

import time

from sqlalchemy import event
from sqlalchemy.engine import Engine

SECONDS = 0.01


def includeme(config):
    @event.listens_for(Engine, "before_cursor_execute")
    def travel(*args):
        time.sleep(SECONDS)
