"""Export: the folder of a run, and models that forecast without this project."""
