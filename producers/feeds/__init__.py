"""Live feeds: fetching them safely, parsing them, and polling them at the right time."""
