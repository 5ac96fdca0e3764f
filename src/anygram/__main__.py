"""python -m anygram: the command line, as torchrun wants it."""

from anygram.cli import main

if __name__ == "__main__":
    main()
