"""An application that sends mail as the documentation of pyramid_mailer does, and nothing else."""

from pyramid.config import Configurator
from pyramid_mailer import get_mailer
from pyramid_mailer.message import Message


def send(request):
    mail = Message(
        subject=request.params["subject"],
        sender="site@site.example",
        recipients=["reader@site.example"],
        body="The transaction's commit delivers this.",
    )
    get_mailer(request).send(mail)
    return {"sent": True}


def main(global_config, **settings):
    with Configurator(settings=settings) as config:
        config.include("pyramid_tm")
        config.include("pyramid_mailer")
        config.add_route("send", "/send")
        config.add_view(send, route_name="send", renderer="json", request_method="POST")
    return config.make_wsgi_app()
