"""`python -m bench [CASE …]`. Measured processes import this too: keep it light."""

if __name__ == "__main__":
    import sys

    from bench.running import main

    sys.exit(main())
