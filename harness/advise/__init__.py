"""What a restart of a Knative Service's container costs, predicted from its manifest. Pure.

The constants of the window model (window.py) stand in model.toml.
"""
