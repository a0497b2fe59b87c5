// Open a dataset in Fiji or ImageJ as composite hyperstacks, one window for each position.
//
// Drag this file onto Fiji's window and press Run, or: fiji -macro open_in_fiji.ijm /data/run.ome.tiff
// The dataset is an OME-TIFF file, or the folder that TiffStorage("run") wrote. Needs Bio-Formats.

virtualStack = false; // true: read a plane when it is shown, for datasets larger than the memory

path = getArgument();
if (path == "")
    path = File.openDialog("An .ome.tiff file, or the .companion.ome of a folder");
if (File.isDirectory(path))
    path = companionOf(path);

// What stands above each picture; %w is the channel's name, which the importer leaves out by itself.
pattern = call("ij.Prefs.get", "bioformats.sliceLabelPattern", "%c%z%t- %n");
call("ij.Prefs.set", "bioformats.sliceLabelPattern", "%w %z%t- %n");
options = "open=[" + path + "] color_mode=Composite view=Hyperstack stack_order=XYCZT open_all_series";
if (virtualStack)
    options = options + " use_virtual_stack";
openedBefore = nImages;
run("Bio-Formats Importer", options);
call("ij.Prefs.set", "bioformats.sliceLabelPattern", pattern);

for (image = openedBefore + 1; image <= nImages; image++) {
    selectImage(image);
    showMiddleOfStack();
}

function companionOf(folder) {
    files = getFileList(folder);
    for (i = 0; i < files.length; i++)
        if (endsWith(files[i], ".companion.ome"))
            return folder + File.separator + files[i];
    exit("There is no .companion.ome in " + folder);
}

function showMiddleOfStack() {
    Stack.getDimensions(width, height, channels, slices, frames);
    for (channel = channels; channel >= 1; channel--) {
        if (nSlices > 1)
            Stack.setPosition(channel, floor((slices + 1) / 2), 1);
        run("Enhance Contrast", "saturated=0.2"); // the pixels stay as they are
    }
}
