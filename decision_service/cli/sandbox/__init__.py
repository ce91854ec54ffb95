"""The commands that run on made-up people: the demo, the people and the stand-in alone.

No module here touches a configured store or vendor.
"""
