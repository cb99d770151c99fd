"""An asyncio engine, with an AsyncSession for each request, made by hand."""

from pyramid.tweens import EXCVIEW
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from aiopyramid_core import await_


async def connect(registry):
    registry["engine"] = create_async_engine(
        registry.settings["database.url"], pool_size=5, max_overflow=0
    )


async def disconnect(registry):
    await registry["engine"].dispose()


def db(request):
    session = AsyncSession(request.registry["engine"], expire_on_commit=False)
    request.add_finished_callback(lambda request: await_(session.close()))
    return session


def commit_tween_factory(handler, registry):
    def commit_tween(request):
        response = handler(request)
        if "db" in vars(request):  # the session was asked for
            await_(request.db.commit())
        return response

    return commit_tween


def includeme(config):
    config.add_startup(connect)
    config.add_shutdown(disconnect)
    config.add_request_method(db, reify=True)
    config.add_tween("myapp.database.commit_tween_factory", under=EXCVIEW)
