"""The modules of aiopyramid 0.x for gunicorn; new code: ``aiopyramid_gunicorn``."""
