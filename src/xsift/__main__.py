"""`python -m xsift` is `xsift`."""

from xsift.cli.app import main

if __name__ == "__main__":
    main()
