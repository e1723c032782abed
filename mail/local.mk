# mail: see doc/ARCHITECTURE.md
