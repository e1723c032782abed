# admin: see doc/ARCHITECTURE.md
