"""What is known of each program under test: its headers, paths, environment and log lines, and what it can do. Pure.

    app       what an app can do, as data
    toggle    the toggle app of testapps/toggle
    foreign   an app that says nothing of itself
    known     the app of an image

Every room may import it. It imports the model, `harness.knative` and the standard library alone, so that the load generator's
process may use it too.
"""
