from setuptools import setup

setup(
  name='demo.recipe',
  version='1.0',
  py_modules=['demo_recipe'],
  entry_points={'zc.buildout': ['instance = demo_recipe:Instance', 'file = demo_recipe:File']},
)
