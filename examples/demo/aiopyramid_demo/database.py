"""The database: SQLAlchemy with an asyncio driver, and its contents at the start."""

from typing import Final

from pyramid.config import Configurator
from pyramid.registry import Registry
from sqlalchemy.orm import Session

from aiopyramid_sqlalchemy import get_engine

from .models import Base, Moon, Planet

LARGEST_MOONS: Final = {
    "Mercury": (),
    "Venus": (),
    "Earth": ("Moon",),
    "Mars": ("Phobos", "Deimos"),
    "Jupiter": ("Ganymede", "Callisto", "Io", "Europa"),
    "Saturn": ("Titan", "Rhea", "Iapetus", "Dione", "Tethys"),
    "Uranus": ("Titania", "Oberon", "Umbriel", "Ariel"),
    "Neptune": ("Triton", "Proteus", "Nereid"),
}


def create_tables(registry: Registry) -> None:
    """Make the tables anew when a worker starts."""
    engine = get_engine(registry)
    with engine.begin() as connection:
        # The lock of a write transaction: workers that start together wait for each other.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        Base.metadata.create_all(connection)
        with Session(connection) as session:
            if not session.query(Planet).first():
                session.add_all(
                    Planet(name=planet, moons=[Moon(name=moon) for moon in moons])
                    for planet, moons in LARGEST_MOONS.items()
                )
                session.commit()


def includeme(config: Configurator) -> None:
    """Give each request a ``dbsession``, and create the tables when a worker starts."""
    config.include("aiopyramid_sqlalchemy")
    config.add_startup(create_tables)
