"""Container engine and kind → ClusterHandle. Also the checks of the host, and taking everything away again.

May import model, errors and adapters. Knows nothing of Knative.
"""
