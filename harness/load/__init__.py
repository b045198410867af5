"""The generator process: schedule, lanes, recorder. Standard library and model only."""
