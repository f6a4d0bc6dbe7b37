{
  outputs = _: {
    nixosConfigurations = builtins.mapAttrs (name: version: {
      config.system.build.toplevel = import ./system.nix {
        inherit version;
        builtFor = "@system@";
      };
    }) { flaky = "flake"; other = "other"; };
  };
}
