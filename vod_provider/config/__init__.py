"""The settings: their names, where each is looked for, and what each may be.

Pure: reads nothing but its arguments. Knows neither Pulumi nor HTTP.
"""
