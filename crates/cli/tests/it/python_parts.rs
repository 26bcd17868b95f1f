//! Parts of a release that are Python: they run as the partition's user, in its sandbox.

use crate::cloud::Cloud;

const SOFTWARE: &str = r#"[buildout]
parts = instance.cfg
[noted]
recipe = slapos.recipe.build
init =
  options['greeting'] = ' '.join(['hello', 'from', 'the', 'release'])
[instance.cfg]
recipe = slapos.recipe.template:jinja2
output = ${buildout:directory}/instance.cfg
inline =
  [buildout]
  parts = published
  [slap-configuration]
  recipe = slapos.cookbook:slapconfiguration
  [asked]
  recipe = slapos.recipe.build
  name = $${slap-configuration:configuration.name}
  init =
    import os
    options['upper'] = options['name'].upper()
    try:
      options['seen'] = str(os.listdir('SECRET'))
    except PermissionError:
      options['seen'] = 'nothing of others'
  [published]
  recipe = slapos.cookbook:publish
  greeting = ${noted:greeting}
  name = $${asked:upper}
  seen = $${asked:seen}
"#;

#[test]
fn python_of_a_profile_computes_what_is_published_and_sees_nothing_of_others() {
    let cloud = Cloud::start();
    let release = cloud.path().join("inline/software.cfg");
    std::fs::create_dir_all(release.parent().unwrap()).unwrap();
    let secret = cloud.path().join("secret");
    std::fs::create_dir(&secret).unwrap();
    let text = SOFTWARE.replace("SECRET", secret.as_str());
    slapos_atomic::write(&release, text.as_bytes(), 0o644).unwrap();
    cloud.supply_url(release.as_str(), "COMP-1");
    cloud.must(&["request", "p", release.as_str(), "--parameters", "name=ada", "--wait"], 0);
    let connection = cloud.instance("p").connection;
    let value = |key: &str| connection.get(key).map(String::as_str);
    assert_eq!(value("greeting"), Some("hello from the release"));
    assert_eq!(value("name"), Some("ADA"));
    assert_eq!(value("seen"), Some("nothing of others"));
}
