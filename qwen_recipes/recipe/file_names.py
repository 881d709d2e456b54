"""How files of recipes are named."""

RECIPE_SUFFIXES = (".recipe.yaml", ".recipe.yml")
