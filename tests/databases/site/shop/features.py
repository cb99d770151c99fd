"""What applications do with SQLAlchemy, by the ordinary API: functions of a session.

Each adds what it needs, with names that begin with ``tag``, and returns what it has seen without
the tag: the same for each database and each kind of request.
"""

import warnings

from sqlalchemy import delete, event, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import (
    aliased,
    contains_eager,
    joinedload,
    make_transient,
    selectinload,
    subqueryload,
    undefer,
)

from shop.models import Base, Cart, Company, Customer, Item, Label, Visit

FEATURES = {}


def feature(function):
    FEATURES[function.__name__] = function
    return function


def add_customer(session, tag, *, carts=2, items=3):
    customer = Customer(
        name=f"{tag}ada",
        carts=[
            Cart(items=[Item(name=f"item{i}", price=i + 1) for i in range(items)])
            for _ in range(carts)
        ],
    )
    session.add(customer)
    session.flush()
    session.expire_all()
    return customer


@feature
def lazy_relationships(session, tag):
    customer = add_customer(session, tag)
    return [
        [item.name for item in cart.items] + [cart.customer is customer] for cart in customer.carts
    ]


@feature
def lazy_many_to_many_and_association_proxies(session, tag):
    item = add_customer(session, tag).carts[0].items[0]
    item.label_names.extend(["new", "red"])
    session.flush()
    session.expire_all()
    return list(item.label_names), len(item.labels)


@feature
def eager_relationships(session, tag):
    customer_id = add_customer(session, tag).id
    found = []
    for load in (selectinload, joinedload, subqueryload):
        session.expunge_all()
        query = select(Customer).where(Customer.id == customer_id)
        options = load(Customer.carts).options(load(Cart.items))
        loaded = session.execute(query.options(options)).unique().scalar_one()
        statements = count_statements(session)
        found.append(([len(cart.items) for cart in loaded.carts], len(statements)))
    return found


def count_statements(session):
    """Return a list that grows with each statement."""
    seen = []
    event.listen(session, "do_orm_execute", lambda state: seen.append(state))
    return seen


@feature
def contained_eager_relationships(session, tag):
    customer_id = add_customer(session, tag).id
    session.expunge_all()
    query = (
        select(Customer)
        .join(Customer.carts)
        .options(contains_eager(Customer.carts))
        .where(Customer.id == customer_id)
    )
    return [len(found.carts) for found in session.scalars(query).unique()]


@feature
def dynamic_relationships(session, tag):
    customer = add_customer(session, tag, carts=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and in use
        history = customer.history
        return (
            history.count(),
            len(history.limit(2).all()),
            len(history[1].items),
            len(list(history)),
        )


@feature
def write_only_relationships(session, tag):
    customer = add_customer(session, tag)
    customer.log.add_all([Visit(page=page) for page in "abc"])
    session.flush()
    session.execute(customer.log.insert(), [{"page": "d"}])
    session.execute(customer.log.delete().where(Visit.page == "a"))
    pages = session.scalars(customer.log.select()).all()
    return [visit.page for visit in pages]


@feature
def hybrid_properties(session, tag):
    customer = add_customer(session, tag)
    query = select(Cart.total).where(Cart.customer_id == customer.id)
    expensive = select(func.count(Cart.id)).where(Cart.customer_id == customer.id, Cart.total > 5)
    return (
        [cart.total for cart in customer.carts],
        list(session.scalars(query)),
        session.scalar(expensive),
    )


@feature
def column_properties_and_deferred_columns(session, tag):
    customer_id = add_customer(session, tag).id
    session.expunge_all()
    plain = session.get(Customer, customer_id)
    is_unloaded = "biography" not in vars(plain)
    biography = plain.biography
    session.expunge_all()
    loaded = session.get(Customer, customer_id, options=[undefer(Customer.biography)])
    return is_unloaded, biography, "biography" in vars(loaded), loaded.number_of_carts


@feature
def inheritance(session, tag):
    session.add(Company(name=f"{tag}acme", tax_number="7"))
    session.flush()
    session.expunge_all()
    company = session.scalars(select(Customer).where(Customer.name == f"{tag}acme")).one()
    # Of the other table, and loaded on first use.
    return type(company).__name__, company.tax_number, company.carts


@feature
def events(session, tag):
    seen = []

    def after_flush(session, context):
        seen.append(session.scalar(select(func.count(Customer.id)).where(mine)))

    mine = Customer.name.startswith(tag)
    event.listen(session, "after_flush", after_flush)
    event.listen(session, "before_flush", lambda *args: seen.append("before"))
    customer = add_customer(session, tag)
    return seen, customer.biography


@feature
def savepoints(session, tag):
    session.add(Customer(name=f"{tag}kept"))
    session.flush()
    try:
        with session.begin_nested():
            session.add(Customer(name=f"{tag}kept"))
    except IntegrityError:
        failed = True
    with session.begin_nested():
        session.add(Customer(name=f"{tag}second"))
    nested = session.begin_nested()
    session.add(Customer(name=f"{tag}gone"))
    session.flush()
    nested.rollback()
    names = session.scalars(
        select(Customer.name).where(Customer.name.startswith(tag)).order_by("name")
    )
    return failed, [name.removeprefix(tag) for name in names]


@feature
def bulk_operations(session, tag):
    customer = add_customer(session, tag, carts=1, items=0)
    cart_id = customer.carts[0].id
    rows = [{"cart_id": cart_id, "name": f"bulk{i}", "price": i} for i in range(100)]
    names = session.scalars(insert(Item).returning(Item.name), rows).all()
    session.bulk_insert_mappings(Item, rows[:10])
    session.bulk_save_objects([Item(cart_id=cart_id, name="saved", price=1000)])
    mine = Item.cart_id == cart_id
    items = session.scalars(select(Item).where(mine).order_by(Item.id)).all()
    session.execute(update(Item), [{"id": item.id, "price": 1} for item in items[:5]])
    raised = session.execute(update(Item).where(mine, Item.price >= 90).values(price=0)).rowcount
    deleted = session.execute(delete(Item).where(mine, Item.name == "bulk7")).rowcount
    total = session.scalar(select(func.sum(Item.price)).where(mine))
    return len(names), raised, deleted, total, items[0].price


@feature
def streamed_results(session, tag):
    customer = add_customer(session, tag, carts=1, items=0)
    cart_id = customer.carts[0].id
    session.execute(insert(Item), [{"cart_id": cart_id, "name": f"i{i}"} for i in range(95)])
    query = select(Item).where(Item.cart_id == cart_id).order_by(Item.id)
    yielded = [item.name for item in session.scalars(query.execution_options(yield_per=10))]
    parts = session.execute(query.execution_options(yield_per=40)).scalars().partitions()
    sizes = [len(part) for part in parts]
    legacy = sum(1 for _ in session.query(Item).filter_by(cart_id=cart_id).yield_per(7))
    return yielded[::40], sizes, legacy


@feature
def server_side_cursors(session, tag):
    numbers = (
        "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 1000)"
        " select n from numbers"
    )
    connection = session.connection(execution_options={"stream_results": True})
    result = connection.execute(text(numbers))
    first, some = result.fetchone(), result.fetchmany(10)
    result.close()  # in the middle
    with connection.execute(text(numbers)) as again:
        total = sum(row.n for row in again)
    return first.n, [row.n for row in some][-1], total


@feature
def merging(session, tag):
    customer = add_customer(session, tag, carts=1)
    made_elsewhere = Customer(id=customer.id, name=f"{tag}renamed", kind="person")
    session.expunge_all()
    merged = session.merge(made_elsewhere)
    new = session.merge(Customer(name=f"{tag}merged"))
    session.flush()
    return (
        merged is not made_elsewhere,
        merged.name.removeprefix(tag),
        len(merged.carts),
        (new.id is not None),
    )


@feature
def refreshing_and_expiring(session, tag):
    customer = add_customer(session, tag)
    table = Customer.__table__
    session.execute(update(table).where(table.c.id == customer.id).values(name=f"{tag}x"))
    before = customer.name
    session.refresh(customer, ["name"])
    after = customer.name
    session.execute(update(table).where(table.c.id == customer.id).values(name=f"{tag}y"))
    session.expire(customer)
    expired = customer.name
    session.refresh(customer)
    return [name.removeprefix(tag) for name in (before, after, expired)]


@feature
def detaching_and_copying(session, tag):
    customer = add_customer(session, tag)
    _ = customer.name
    session.expunge(customer)
    make_transient(customer)
    customer.id, customer.name = None, f"{tag}copy"
    session.add(customer)
    session.flush()
    return session.query(Customer).filter(Customer.name.startswith(tag)).count()


@feature
def queries_of_every_kind(session, tag):
    customer = add_customer(session, tag, carts=3, items=2)
    other = aliased(Cart)
    pairs = (
        session.query(Cart.id, other.id)
        .filter(Cart.customer_id == customer.id, other.customer_id == customer.id)
        .filter(Cart.id < other.id)
        .count()
    )
    try:
        session.query(Label).filter_by(name=f"{tag}missing").one()
    except NoResultFound:
        missing = session.query(Label).filter_by(name=f"{tag}missing").one_or_none()
    exists = session.scalar(select(select(Cart).where(Cart.customer_id == customer.id).exists()))
    subquery = select(Cart.id).where(Cart.customer_id == customer.id)
    items = session.scalar(select(func.count(Item.id)).where(Item.cart_id.in_(subquery)))
    return pairs, missing, bool(exists), items


@feature
def deleting_with_cascades(session, tag):
    customer = add_customer(session, tag, carts=2, items=3)
    ids = [cart.id for cart in customer.carts]
    session.delete(customer.carts[0])
    customer.carts[1].items.pop()
    session.flush()
    return session.scalar(select(func.count(Item.id)).where(Item.cart_id.in_(ids)))


@feature
def reflection(session, tag):
    from sqlalchemy import inspect

    inspector = inspect(session.connection())
    return sorted(set(inspector.get_table_names()) & set(Base.metadata.tables))


@feature
def autoflush(session, tag):
    session.add(Customer(name=f"{tag}pending"))
    seen = session.query(Customer).filter(Customer.name == f"{tag}pending").count()
    with session.no_autoflush:
        session.add(Customer(name=f"{tag}later"))
        unseen = session.query(Customer).filter(Customer.name == f"{tag}later").count()
    return seen, unseen
