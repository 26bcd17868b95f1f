//! The recipes that exist as Python programs: what the recipe host can run, and what builds software from source.

use crate::eggs;

/// Recipes of the egg `slapos.cookbook`.
const COOKBOOK: [&str; 90] = [
    "addresiliency",
    "apacheperl",
    "apachephp",
    "apacheproxy",
    "cdninstancenode",
    "certificate_authority",
    "certificate_authority.request",
    "check_page_content",
    "check_parameter",
    "check_port_listening",
    "check_url_available",
    "cloud9",
    "cloudooo.test",
    "copyfilelist",
    "cron",
    "cron.d",
    "dropbear",
    "dropbear.add_authorized_key",
    "dropbear.client",
    "equeue",
    "erp5.promise",
    "erp5testnode",
    "free_port",
    "generate.mac",
    "generate.password",
    "generic.cloudooo",
    "generic.kumofs",
    "generic.memcached",
    "generic.mysql.wrap_update_mysql",
    "gitinit",
    "instancenode",
    "ipv4toipv6",
    "ipv6toipv4",
    "jsondump",
    "logrotate",
    "logrotate.d",
    "mkdirectory",
    "nbdserver",
    "neoppod.admin",
    "neoppod.cluster",
    "neoppod.master",
    "neoppod.storage",
    "notifier",
    "notifier.callback",
    "notifier.notify",
    "onetimeupload",
    "pbs",
    "postgres",
    "proactive",
    "promise.plugin",
    "publish",
    "publish-early",
    "publish.serialised",
    "publish.serialised_failsafe",
    "publish_failsafe",
    "publishurl",
    "random.integer",
    "random.time",
    "re6stnet.registry",
    "readline",
    "redis.server",
    "request",
    "request.edge",
    "request.serialised",
    "requestoptional",
    "requestoptional.serialised",
    "shell",
    "simplehttpserver",
    "simplelogger",
    "slapconfiguration",
    "slapconfiguration.instancenode.deferred",
    "slapconfiguration.jsondump",
    "slapconfiguration.jsonschema",
    "slapconfiguration.jsonschema.localdb",
    "slapconfiguration.serialised",
    "squid",
    "sshkeys_authority",
    "sshkeys_authority.request",
    "switch-softwaretype",
    "switch-softwaretype.noop",
    "symbolic.link",
    "tidstorage",
    "trac",
    "urlparse",
    "userinfo",
    "uuid",
    "wrapper",
    "zabbixagent",
    "zero-knowledge.read",
    "zero-knowledge.write",
];

/// Eggs and recipes that build software from source, or install it for Python.
const BUILDERS: [&str; 10] = [
    "rubygemsrecipe",
    "slapos.recipe.build:download-unpacked",
    "slapos.recipe.build:gitclone",
    "slapos.recipe.build:vm.install-debian",
    "slapos.recipe.build:vm.install-ubuntu",
    "slapos.recipe.cmmi",
    "zc.recipe.egg",
    "zc.recipe.testrunner",
    "hexagonit.recipe.cmmi",
    "hexagonit.recipe.download",
];

/// Whether a recipe builds software: whatever it makes has to be supplied in another way.
pub(crate) fn builds(recipe: &str) -> bool {
    BUILDERS.iter().any(|builder| {
        recipe.strip_prefix(builder).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

/// Whether the recipe host can have a recipe of that name. Of the eggs whose recipes are native otherwise all are known;
/// of others it is known only whether a release's Python has them.
pub(crate) fn may_be(recipe: &str) -> bool {
    let (egg, name) = recipe.split_once(':').unwrap_or((recipe, "default"));
    match egg {
        "slapos.cookbook" => COOKBOOK.contains(&name),
        "slapos.recipe.build" => name == "default",
        _ => eggs::means(egg) == eggs::Means::Installed,
    }
}

/// Names of the recipes of SlapOS, without their egg's.
pub(crate) fn cookbook() -> impl Iterator<Item = &'static str> {
    COOKBOOK.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_are_told_from_others() {
        let table = [
            ("slapos.recipe.cmmi", true),
            ("zc.recipe.egg:custom", true),
            ("slapos.recipe.build:gitclone", true),
            ("slapos.recipe.build", false),
            ("slapos.recipe.build:download", false),
            ("slapos.recipe.cmmi2", false),
            ("slapos.cookbook:wrapper", false),
        ];
        for (recipe, expected) in table {
            assert_eq!(builds(recipe), expected, "{recipe}");
        }
    }

    #[test]
    fn a_recipe_is_of_an_egg_that_can_be_had() {
        let table = [
            ("slapos.cookbook:publish-early", true),
            ("slapos.cookbook:publsh", false),
            ("slapos.recipe.build", true),
            ("slapos.recipe.build:defualt", false),
            ("slapos.recipe.template:jinja", false),
            ("slapos.toolbox:any", true),
            ("own.egg:any", false),
            ("sh", false),
            (":x", false),
        ];
        for (recipe, expected) in table {
            assert_eq!(may_be(recipe), expected, "{recipe}");
        }
    }
}
