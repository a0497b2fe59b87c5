"""Other programs' readers, used as their users do, that check the files of this package."""
