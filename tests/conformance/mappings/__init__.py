"""Every place where a template writes a value of the plan, turned off: does anything notice?"""
