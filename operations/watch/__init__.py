"""Watch: poll the sources of a configuration, and update and predict when something new is known."""
