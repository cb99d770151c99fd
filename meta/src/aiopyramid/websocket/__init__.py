"""What aiopyramid 0.x had for WebSockets; new code: ``aiopyramid_websocket``."""
