"""The tables, as classes: nothing in here knows of asyncio."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """The base class of all tables."""


class Planet(Base):
    """A planet; its moons are loaded when they are asked for."""

    __tablename__ = "planets"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    moons: Mapped[list["Moon"]] = relationship(order_by="Moon.id")


class Moon(Base):
    """A moon of a planet."""

    __tablename__ = "moons"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    planet_id: Mapped[int] = mapped_column(ForeignKey(Planet.id))
