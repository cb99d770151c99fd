"""Mapped classes with relationships of every kind."""

from typing import ClassVar

from sqlalchemy import Column, ForeignKey, Table, event, func, select
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    WriteOnlyMapped,
    column_property,
    mapped_column,
    relationship,
)


class Base(DeclarativeBase):
    pass


labels = Table(
    "labels",
    Base.metadata,
    Column("item_id", ForeignKey("items.id"), primary_key=True),
    Column("label_id", ForeignKey("label.id"), primary_key=True),
)


class Label(Base):
    __tablename__ = "label"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(default="person")
    biography: Mapped[str] = mapped_column(default="", deferred=True)
    carts: Mapped[list["Cart"]] = relationship(order_by="Cart.id", back_populates="customer")
    history: DynamicMapped["Cart"] = relationship(order_by="Cart.id", viewonly=True)
    log: WriteOnlyMapped["Visit"] = relationship(order_by="Visit.id")
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "person"}


class Company(Customer):
    __tablename__ = "companies"
    id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    tax_number: Mapped[str]
    __mapper_args__: ClassVar = {"polymorphic_identity": "company"}


class Visit(Base):
    __tablename__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    page: Mapped[str]


class Cart(Base):
    __tablename__ = "carts"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    customer: Mapped[Customer] = relationship(back_populates="carts")
    items: Mapped[list["Item"]] = relationship(order_by="Item.id", cascade="all, delete-orphan")

    @hybrid_property
    def total(self):
        return sum(item.price for item in self.items)

    @total.inplace.expression
    @classmethod
    def _total(cls):
        total = select(func.sum(Item.price)).where(Item.cart_id == cls.id)
        return total.correlate_except(Item).scalar_subquery()


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    cart_id: Mapped[int] = mapped_column(ForeignKey("carts.id"))
    name: Mapped[str]
    price: Mapped[int] = mapped_column(default=1)
    labels: Mapped[list[Label]] = relationship(secondary=labels, order_by=Label.id)
    label_names = association_proxy("labels", "name", creator=lambda name: Label(name=name))


Customer.number_of_carts = column_property(
    select(func.count(Cart.id))
    .where(Cart.customer_id == Customer.id)
    .correlate_except(Cart)
    .scalar_subquery()
)


@event.listens_for(Customer, "before_insert")
def write_a_biography(mapper, connection, customer):
    customer.biography = f"Born as {customer.kind}"
