# smtpd: see doc/ARCHITECTURE.md
