# Stands in for <nixpkgs/nixos>: reached the same way, and understands just enough of a module.
let
  module = import <nixos-config> { lib.mkDefault = value: value; };
  user = import (builtins.head module.imports);
  config = module // (if builtins.isFunction user then user { } else user);
  facts = "${config.networking.hostName} ${builtins.toJSON config.boot.isContainer} ${builtins.toJSON config.networking.useDHCP}";
in
{
  system = import /srv/nix/system.nix {
    inherit (config) version;
    inherit facts;
    before = config.before or "true";
  };
}
