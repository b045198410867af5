"""Puts a fault into the app and brings back its answer -> FaultEvent. May touch adapters; knows no other stage."""
