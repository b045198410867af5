"""The only doors to the world, shared by the stages: processes, the Kubernetes API, waiting, files and locks, the clock.

May import model and errors; knows no stage.
"""
