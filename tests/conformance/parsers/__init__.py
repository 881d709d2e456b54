"""The frameworks' own argument parsers, each run by the interpreter that the framework is installed under.

Nothing here may import the rest of this package: the files run where it is not installed. `worker` keeps a framework
imported and forks a child for each config; `axolotl`, `llamafactory` and `ms_swift` parse one as the framework's
command line does; `simulated_machine` pretends the machine, `common_arguments` gives the outcome the same names
for all three.
"""
