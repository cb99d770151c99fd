"""Runs migrations, with the settings of the application."""

from aiopyramid_sqlalchemy import engine_from_settings
from alembic import context
from pyramid.paster import get_appsettings

from {{ cookiecutter.package }} import with_environment
from {{ cookiecutter.package }}.models import Base

settings = with_environment(get_appsettings(context.config.config_file_name))

with engine_from_settings(settings).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
