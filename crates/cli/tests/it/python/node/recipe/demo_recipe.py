"""What the usual recipes do, in small: a file, and an instance that requests another one."""

import slapos.slap


class File(object):
  def __init__(self, buildout, name, options):
    self.options = options

  def install(self):
    with open(self.options['output'], 'w') as output:
      output.write(self.options['content'])
    return []

  update = install


class Instance(object):
  def __init__(self, buildout, name, options):
    self.connection = buildout['slap-connection']

  def install(self):
    slap = slapos.slap.slap()
    slap.initializeConnection(self.connection['server-url'])
    partition = slap.registerComputerPartition(
      self.connection['computer-id'], self.connection['partition-id'])
    parameters = partition.getInstanceParameterDict()
    if parameters['slap_software_type'] == 'db':
      url = 'mysql://%s/%s' % (parameters['ip_list'][0][1], parameters['name'])
      for tenant in parameters['slave_instance_list']:
        partition.setConnectionDict(
          {'url': '%s/%s' % (url, tenant['slave_title'])}, tenant['slave_reference'])
    else:
      database = partition.request(
        self.connection['software-release-url'], 'db', 'database',
        partition_parameter_kw={'name': 'wiki'})
      url = 'http://app/?' + database.getConnectionParameter('url')
    partition.setConnectionDict({'url': url})
    return []

  update = install
