# A small system closure: what boots is busybox, or the init of the tree it runs in. The shell is its builder, so it needs
# no network, no compiler and no sandbox.
{
  version ? "1",
  # What the file `system` says.
  platform ? "x86_64-linux",
  # busybox: runs by itself. tree: the tree's own /sbin/init goes on.
  init ? "busybox",
  # ok, fail, hang, missing: what switch-to-configuration does.
  switch ? "ok",
  # A line of shell that the builder runs first.
  before ? "true",
  facts ? "",
  # Flakes do not know where they are evaluated.
  builtFor ? builtins.currentSystem,
}:
derivation {
  name = "system-${version}";
  system = builtFor;
  builder = "/bin/sh";
  inherit version platform init switch before facts;
  args = [
    "-ec"
    ''
      export PATH=/usr/bin:/bin
      eval "$before"
      mkdir -p $out/bin
      cp /bin/busybox $out/bin/busybox
      for applet in sh sleep cat uname echo mkdir; do ln -s busybox $out/bin/$applet; done
      printf %s "$platform" > $out/system
      printf %s "$facts" > $out/facts
      {
        echo "#!$out/bin/sh"
        if [ $init = tree ]; then
          echo "echo $version > /booted"
          echo 'exec /sbin/init'
        else
          echo "export PATH=$out/bin"
          echo "echo $version > /booted"
          echo 'uname -m > /machine'
          echo 'trap "exit 0" TERM 37'
          echo 'echo up > /var/lib/startup-done'
          echo 'while :; do sleep 0.2; done'
        fi
      } > $out/init
      case $switch in
        ok)
          echo "while read -r group; do case \$group in 0::*) echo \$group > /switched-in ;; esac; done < /proc/self/cgroup"
          echo "echo \"\$1 $version\" >> /switched; echo switched to $version"
          ;;
        fail) echo 'echo the cellar is flooded; exit 4' ;;
        hang) echo "echo hanging; exec $out/bin/sleep 1000" ;;
      esac > $out/body
      { echo "#!$out/bin/sh"; cat $out/body; } > $out/bin/switch-to-configuration
      chmod +x $out/init $out/bin/switch-to-configuration
      [ $switch != missing ] || rm $out/bin/switch-to-configuration
    ''
  ];
}
