"""Container engine, kind or a given context -> ClusterHandle. May touch adapters; knows no other stage."""
