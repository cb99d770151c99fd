"""The modules of aiopyramid 0.x for WebSockets; new code: ``aiopyramid_websocket``."""
