# imapd: see doc/ARCHITECTURE.md
