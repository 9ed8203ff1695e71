"""The verdict on a run, corrected for the number of trials."""
