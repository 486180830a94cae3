"""`python -m creditsvc`: the commands."""

from creditsvc.jobs.commands import main

if __name__ == "__main__":
    main()
