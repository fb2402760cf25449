"""The brand of a company that tests stand up: no value of it is the sample's. Holds no test."""

BRAND = """\
name: Lampes Durand
sender: enquetes@lampes-durand.example
reply_to: bonjour@lampes-durand.example
logo: ""
colour: "#224466"
postal_address: 3 quai Perrache, 69002 Lyon
privacy_url: https://lampes-durand.example/privacy
language: fr
time_zone: Europe/Paris
"""
