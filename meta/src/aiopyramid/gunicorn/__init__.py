"""What aiopyramid 0.x had for gunicorn; new code: ``aiopyramid_gunicorn``."""
